-- Which share of what each camera sent are thumbnails?
select
    rover,
    camera,
    photos,
    round(thumbnails / photos, 3) as share_of_thumbnails
from gold.camera_summary
where photos > 0
order by share_of_thumbnails desc, photos desc;

-- What do the rovers look at most: the ground before their wheels, the way ahead, or the rocks?
select
    role,
    sum(photos) as photos,
    round(sum(photos) / sum(sum(photos)) over (), 3) as share,
    count(distinct rover) as rovers
from gold.camera_summary
group by role
order by photos desc;

-- The busiest camera of each rover, and its photos on an average sol with any
select
    rover,
    full_name,
    photos,
    round(photos / sols_with_photos, 1) as photos_per_sol
from gold.camera_summary
where photos > 0
qualify row_number() over (partition by rover order by photos desc, camera) = 1;

-- Which cameras are known to be on board, but have no photo here yet?
select
    rover,
    role,
    string_agg(camera, ', ' order by camera) as cameras
from gold.camera_summary
where photos = 0
group by rover, role
order by rover, role;

-- Which cameras worked at the landing and never again?
select
    summary.rover,
    summary.full_name,
    summary.photos,
    summary.last_sol
from gold.camera_summary as summary
inner join silver.dim_rovers as rovers on summary.rover = rovers.rover
where summary.last_sol <= rovers.first_sol
order by summary.photos desc;
