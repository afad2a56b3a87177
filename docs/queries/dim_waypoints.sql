-- Where did a rover stay longest?
select
    rover,
    site,
    drive,
    sol as arrived_on_sol,
    until_sol - sol as sols
from silver.dim_waypoints
where until_sol is not null
order by sols desc, rover
limit 10;

-- How high did the rover climb above its landing place?
select
    waypoints.rover,
    waypoints.sol,
    round(waypoints.elevation_m - landing.elevation_m, 1) as above_landing_m,
    waypoints.distance_total_m
from silver.dim_waypoints as waypoints
inner join silver.dim_waypoints as landing on waypoints.rover = landing.rover and landing.is_landing_place
where waypoints.elevation_m is not null
order by waypoints.rover, waypoints.site, waypoints.drive;

-- The steepest ways between two waypoints, 20 metres or more apart
with steps as (
    select
        *,
        elevation_m - lag(elevation_m) over way as climb_m,
        distance_total_m - lag(distance_total_m) over way as way_m
    from silver.dim_waypoints
    window way as (partition by rover order by site, drive)
)

select
    rover,
    sol,
    site,
    drive,
    round(climb_m, 2) as climb_m,
    way_m,
    round(degrees(asin(least(1, climb_m / way_m))), 1) as slope_deg
from steps
where way_m >= 20 and climb_m is not null
order by abs(slope_deg) desc
limit 10;

-- In which direction did the rover stand when it stopped, in eighths of the compass?
select
    rover,
    list_extract(
        ['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW'], floor((heading_deg + 22.5) / 45)::int % 8 + 1
    ) as looks,
    count(*) as stops
from silver.dim_waypoints
where heading_deg is not null
group by rover, looks
order by rover, stops desc;

-- Which photos were taken at a given waypoint?
select
    waypoints.rover,
    waypoints.site,
    waypoints.drive,
    photos.camera,
    min(photos.sol) as first_sol,
    count(*) as photos
from silver.dim_waypoints as waypoints
inner join silver.fact_photos as photos
    on waypoints.rover = photos.rover and waypoints.site = photos.site and waypoints.drive = photos.drive
where waypoints.rover = 'perseverance'
group by waypoints.rover, waypoints.site, waypoints.drive, photos.camera
order by waypoints.site, waypoints.drive, photos desc;
