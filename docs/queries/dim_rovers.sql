-- Which sol is it now by the clock of each rover, also of those that are silent?
select
    title,
    first_sol + floor(epoch(now() - first_midnight_utc) / 88775.244)::int as sol_now
from silver.dim_rovers
order by title;

-- On which day of Earth does sol 1000 of each rover begin?
select
    title,
    first_midnight_utc + to_seconds((1000 - first_sol) * 88775.244) as sol_1000_begins
from silver.dim_rovers
order by sol_1000_begins;

-- How far apart did they land, on a sphere?
select
    a.title as rover,
    b.title as other,
    round(3396.19 * acos(
        sin(radians(a.landing_latitude)) * sin(radians(b.landing_latitude))
        + cos(radians(a.landing_latitude)) * cos(radians(b.landing_latitude))
        * cos(radians(a.landing_longitude - b.landing_longitude))
    )) as km
from silver.dim_rovers as a
inner join silver.dim_rovers as b on a.rover < b.rover
order by km;

-- Which hour of local mean solar time was it at the other landing places when Perseverance's sol 0 began?
select
    others.title,
    round(((others.landing_longitude - perseverance.landing_longitude) / 15 + 24) % 24, 2) as local_hour
from silver.dim_rovers as others
cross join silver.dim_rovers as perseverance
where perseverance.rover = 'perseverance' and others.rover <> 'perseverance'
order by local_hour;

-- How long was each rover on Mars before its first metre on the map?
select
    rovers.title,
    min(path.sol) - rovers.first_sol as sols_until_the_first_drive
from silver.dim_rovers as rovers
inner join silver.fact_path as path on rovers.rover = path.rover
where path.distance_m > 1
group by rovers.title, rovers.first_sol
order by sols_until_the_first_drive;
