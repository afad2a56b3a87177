-- From which stops were most photos taken?
select
    stop_id,
    first_sol,
    last_sol,
    photos,
    cameras
from gold.stops
order by photos desc, stop_id
limit 20;

-- Where did a rover stay longest?
select
    stop_id,
    last_sol - first_sol + 1 as sols,
    photos,
    round(longitude, 5) as lon,
    round(latitude, 5) as lat
from gold.stops
order by sols desc, stop_id
limit 20;

-- Of how many stops is the place known, and how well?
select
    rover,
    location_quality,
    count(*) as stops,
    sum(photos) as photos,
    max(location_uncertainty_m) as at_most_m_off
from gold.stops
group by rover, location_quality
order by rover, stops desc;

-- Stops where nothing but thumbnails came down
select
    rover,
    count(*) filter (where photos = thumbnails) as only_thumbnails,
    count(*) as stops
from gold.stops
group by rover
order by rover;

-- Which stops lie nearest to where the rover landed?
select
    stops.stop_id,
    stops.first_sol,
    round(
        3396190 * radians(1) * sqrt(
            pow((stops.longitude - rovers.landing_longitude) * cos(radians(rovers.landing_latitude)), 2)
            + pow(stops.latitude - rovers.landing_latitude, 2)
        ), 1
    ) as metres
from gold.stops
inner join silver.dim_rovers as rovers on stops.rover = rovers.rover
where stops.longitude is not null
order by metres, stops.stop_id
limit 20;

-- What a rover photographed at one stop, camera by camera
select
    photos.camera,
    count(*) as photos,
    min(photos.taken_at_utc) as first_taken_at_utc
from silver.fact_photos as photos
inner join gold.stops
    on photos.rover = stops.rover and photos.site = stops.site and photos.drive = stops.drive
where stops.stop_id = 'perseverance|11|108'
group by photos.camera
order by photos desc;

-- The way from stop to stop: metres driven, days and photos
select
    stop_id,
    first_sol,
    round(distance_driven_m - lag(distance_driven_m) over way, 1) as metres_from_the_last,
    first_sol - lag(last_sol) over way as sols_on_the_way,
    photos
from gold.stops
where distance_driven_m is not null
window way as (partition by rover order by site, drive)
order by rover, site, drive;
