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

-- Low Sun, looking east: the Sun less than 20 degrees up, the camera within 45 degrees of east
select
    photo_key,
    lmst,
    round(view_azimuth_deg) as looks,
    round(sun_azimuth_deg) as sun_stands,
    round(sun_elevation_deg, 1) as sun_up,
    image_url
from silver.fact_photos
where
    sun_elevation_deg between 0 and 20
    and abs((view_azimuth_deg - 90 + 540) % 360 - 180) <= 45
order by sun_elevation_deg, photo_key;

-- Pictures that look at a point, here back at where the rover landed, the nearest first
with aimed as (
    select
        photos.*,
        (rovers.landing_longitude - photos.longitude) * cos(radians(photos.latitude)) as east,
        rovers.landing_latitude - photos.latitude as north
    from silver.fact_photos as photos
    inner join silver.dim_rovers as rovers on photos.rover = rovers.rover
),

measured as (
    select
        *,
        3396190 * radians(1) * sqrt(east * east + north * north) as distance_m,
        (degrees(atan2(east, north)) + 360) % 360 as bearing_deg
    from aimed
)

select
    photo_key,
    sol,
    camera,
    round(distance_m) as distance_m,
    round(bearing_deg, 1) as bearing_deg,
    round(view_azimuth_deg, 1) as looks
from measured
where
    distance_m > 10
    and abs(view_elevation_deg) < 40
    and abs((view_azimuth_deg - bearing_deg + 540) % 360 - 180) <= fov_h_deg / 2
order by distance_m, photo_key
limit 20;

-- The same view again: the same camera from the same stop, within 5 degrees, on another sol
select
    a.rover,
    a.camera,
    a.photo_key as first_photo,
    b.photo_key as later_photo,
    b.sol - a.sol as sols_apart,
    round(b.sun_elevation_deg - a.sun_elevation_deg, 1) as sun_higher_by
from silver.fact_photos as a
inner join silver.fact_photos as b
    on
        a.rover = b.rover
        and a.camera = b.camera
        and a.site = b.site
        and a.drive = b.drive
        and a.sol < b.sol
        and abs((a.view_azimuth_deg - b.view_azimuth_deg + 540) % 360 - 180) <= 5
        and abs(a.view_elevation_deg - b.view_elevation_deg) <= 5
order by sols_apart desc, first_photo, later_photo
limit 20;

-- Into the light: the pictures whose centre is closest to the Sun
select
    photo_key,
    round(degrees(acos(least(1, greatest(
        -1,
        sin(radians(view_elevation_deg)) * sin(radians(sun_elevation_deg))
        + cos(radians(view_elevation_deg)) * cos(radians(sun_elevation_deg))
        * cos(radians(view_azimuth_deg - sun_azimuth_deg))
    )))), 1) as from_sun_deg,
    round(fov_h_deg) as fov_h_deg
from silver.fact_photos
where sun_elevation_deg > 0 and view_azimuth_deg is not null
order by from_sun_deg, photo_key
limit 10;

-- Pictures of the night and of twilight: the Sun is down
select
    rover,
    sol,
    camera,
    case when sun_elevation_deg < -18 then 'night' else 'twilight' end as light,
    count(*) as photos,
    min(local_true_solar_time) as earliest,
    max(local_true_solar_time) as latest
from silver.fact_photos
where sun_elevation_deg < 0
group by rover, sol, camera, light
order by rover, sol, camera, light;

-- Where does a stick of a metre throw its shadow, and how far? At the first picture of each hour of a sol
select
    rover,
    sol,
    local_true_solar_time[1:2] as hour,
    round(arg_min((sun_azimuth_deg + 180) % 360, taken_at_utc)) as shadow_points_to_deg,
    round(arg_min(1 / tan(radians(sun_elevation_deg)), taken_at_utc), 2) as shadow_m
from silver.fact_photos
where sun_elevation_deg > 5
group by rover, sol, hour
order by rover, sol, hour;

-- How many photos of each season of Mars, by Mars year? (Southern spring and summer are the dusty ones.)
select
    rover,
    mars_year,
    ['northern spring', 'northern summer', 'northern autumn', 'northern winter'][
        floor(solar_longitude_deg / 90)::int + 1
    ] as season,
    count(*) as photos
from silver.fact_photos
where mars_year is not null
group by rover, mars_year, season
order by rover, mars_year, min(solar_longitude_deg);

-- Exposures that came in tiles, and which part of the detector each tile shows
select
    exposure_id,
    count(*) as tiles,
    string_agg(
        subframe_x || ',' || subframe_y || ' ' || subframe_width || 'x' || subframe_height, '; '
        order by subframe_y, subframe_x
    ) as subframes
from silver.fact_photos
where not coalesce(is_thumbnail, false) and subframe_x is not null
group by exposure_id, scale_factor
having count(distinct subframe_x || ',' || subframe_y) > 1
order by exposure_id
limit 20;

-- Colour, grey or a mosaic that still has to be interpolated: what does each camera send?
select
    rover,
    camera,
    color_kind,
    count(*) as photos,
    max(width_px) as widest_px
from silver.fact_photos
where color_kind is not null
group by rover, camera, color_kind
order by rover, camera, photos desc;

-- How long did the pictures take to reach Earth?
select
    rover,
    source,
    count(*) as photos,
    min(date_received - taken_at_utc) as at_least,
    round(median(epoch(date_received - taken_at_utc)) / 3600, 1) as usual_hours,
    max(date_received - taken_at_utc) as at_most
from silver.fact_photos
where date_received is not null and taken_at_method = 'source'
group by rover, source
order by rover, source;
