-- The newest pictures of each rover, with where to see them
select
    rover,
    sol,
    camera,
    taken_at_utc,
    image_url
from silver.fact_photos
where not coalesce(is_thumbnail, false) and image_url is not null
qualify row_number() over (partition by rover order by taken_at_utc desc nulls last, photo_key) <= 3
order by rover, taken_at_utc desc;

-- Pictures of the morning by the local clock, and where they were taken
select
    photo_key,
    lmst,
    camera,
    longitude,
    latitude
from silver.fact_photos
where lmst is not null and lmst[11:12]::int between 6 and 10
order by lmst[11:], photo_key
limit 20;

-- By what is the time of a photo known, and how far off may it be?
select
    rover,
    source,
    taken_at_method,
    count(*) as photos,
    max(taken_at_uncertainty_s) as at_most_s_off,
    count(*) filter (where is_time_disputed) as disputed
from silver.fact_photos
group by rover, source, taken_at_method
order by rover, photos desc;

-- The same place again: within 100 metres of one another, 100 sols or more apart
with places as (
    select
        rover,
        sol,
        avg(longitude) as lon,
        avg(latitude) as lat,
        count(*) as photos
    from silver.fact_photos
    where location_quality in ('exact', 'parked')
    group by rover, sol, site, drive
)

select
    before.rover,
    before.sol as first_sol,
    after.sol as again_on_sol,
    before.photos as photos_then,
    after.photos as photos_again
from places as before
inner join places as after on before.rover = after.rover and after.sol >= before.sol + 100
where
    3396190 * radians(1) * sqrt(
        pow((after.lon - before.lon) * cos(radians(before.lat)), 2) + pow(after.lat - before.lat, 2)
    ) < 100
order by first_sol, again_on_sol;

-- Which sites did a rover photograph from most places?
select
    rover,
    site,
    count(distinct drive) as places,
    min(sol) as first_sol,
    max(sol) as last_sol,
    count(*) as photos
from silver.fact_photos
where site is not null
group by rover, site
order by places desc, photos desc
limit 20;
