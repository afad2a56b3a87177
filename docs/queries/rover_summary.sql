-- How many photos does each rover have, and of how many sols?
select
    rover,
    photos,
    sols_with_photos
from gold.rover_summary
order by photos desc;

-- How much longer is the odometer than the path on the map: what does wheel slip cost?
select
    rover,
    path_length_m,
    odometer_m,
    round(odometer_m - path_length_m, 1) as difference_m
from gold.rover_summary
where path_length_m is not null
order by rover;

-- How many photos for each metre driven, and how many metres for each sol with photos?
select
    rover,
    round(photos / path_length_m, 2) as photos_per_metre,
    round(path_length_m / sols_with_photos, 1) as metres_per_sol
from gold.rover_summary
where path_length_m > 0
order by photos_per_metre desc;

-- For which share of the way is it certain on which sol it was driven?
select
    rover,
    round(path_length_m / 1000, 2) as km,
    path_placed_share,
    round(path_length_m * (1 - path_placed_share)) as uncertain_m
from gold.rover_summary
where path_placed_share is not null
order by path_placed_share;

-- Which rover worked for longest, in Earth's years? (A sol has 88,775.244 seconds.)
select
    summary.rover,
    rovers.title,
    rovers.landing_date,
    round((summary.last_sol - summary.first_sol + 1) * 88775.244 / 86400 / 365.25, 2) as years_with_photos
from gold.rover_summary as summary
inner join silver.dim_rovers as rovers on summary.rover = rovers.rover
where summary.photos > 0
order by years_with_photos desc;
