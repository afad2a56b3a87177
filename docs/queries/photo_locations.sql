-- How is the place of the photos known, and how well?
select
    rover,
    location_method,
    location_quality,
    count(*) as photos,
    max(location_uncertainty_m) as at_most_m_off
from gold.photo_locations
group by rover, location_method, location_quality
order by rover, photos desc;

-- At which places of a rover were most photos taken?
select
    rover,
    round(longitude, 5) as lon,
    round(latitude, 5) as lat,
    min(sol) as first_sol,
    max(sol) as last_sol,
    count(*) as photos
from gold.photo_locations
where longitude is not null
group by rover, lon, lat
order by photos desc
limit 20;

-- Photos within 100 metres of a point: here of where Perseverance landed
with points as (
    select
        landing_longitude as lon,
        landing_latitude as lat
    from silver.dim_rovers
    where rover = 'perseverance'
),

measured as (
    select
        photos.photo_key,
        photos.sol,
        photos.camera,
        3396190 * radians(1) * sqrt(
            pow((photos.longitude - points.lon) * cos(radians(points.lat)), 2)
            + pow(photos.latitude - points.lat, 2)
        ) as distance_m
    from gold.photo_locations as photos
    cross join points
    where photos.rover = 'perseverance'
)

select
    photo_key,
    sol,
    camera,
    round(distance_m, 1) as distance_m
from measured
where distance_m <= 100
order by distance_m, photo_key;

-- The highest and the lowest place from which a rover took photos
select
    rover,
    arg_max(sol, elevation_m) as sol_highest,
    max(elevation_m) as highest_m,
    arg_min(sol, elevation_m) as sol_lowest,
    min(elevation_m) as lowest_m
from gold.photo_locations
where elevation_m is not null
group by rover;

-- How many photos for each kilometre of the way?
select
    rover,
    floor(distance_driven_m / 1000) as kilometre,
    count(*) as photos,
    count(distinct sol) as sols
from gold.photo_locations
where distance_driven_m is not null
group by rover, kilometre
order by rover, kilometre;
