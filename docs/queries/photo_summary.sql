-- The ten sols with the most photos of one camera
select
    rover,
    sol,
    camera,
    photos,
    earth_date
from gold.photo_summary
order by photos desc, rover, sol
limit 10;

-- A calendar of a rover: photos by month, a column for each camera
pivot (
    select
        strftime(earth_date, '%Y-%m') as month,
        camera,
        photos
    from gold.photo_summary
    where rover = 'perseverance'
)
on camera
using coalesce(sum(photos), 0)
group by month
order by month;

-- How long does each camera rest between two sols with photos?
select
    rover,
    camera,
    count(*) as pauses,
    max(pause) as longest,
    median(pause) as usual
from (
    select
        rover,
        camera,
        sol - lag(sol) over (partition by rover, camera order by sol) as pause
    from gold.photo_summary
) as pauses
where pause is not null
group by rover, camera
order by longest desc;

-- On which sols did a rover use the most different cameras?
select
    rover,
    sol,
    count(*) as cameras,
    sum(photos) as photos
from gold.photo_summary
group by rover, sol
qualify cameras = max(cameras) over (partition by rover)
order by rover, sol;

-- Photos without their thumbnails, added up along the mission
select
    rover,
    sol,
    sum(sum(photos - thumbnails)) over (partition by rover order by sol) as photos_so_far
from gold.photo_summary
group by rover, sol
order by rover, sol;
