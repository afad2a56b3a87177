-- Which cameras work harder on sols of driving, and which while the rover stands?
select
    rover,
    camera,
    photos_per_driving_sol,
    photos_per_parked_sol,
    case when photos_per_driving_sol > photos_per_parked_sol then 'driving' else 'standing' end as busier
from gold.camera_travel_correlation
where photos_per_driving_sol is not null and photos_per_parked_sol is not null
order by rover, photos_per_driving_sol - photos_per_parked_sol desc;

-- The camera of each rover that follows the metres driven most closely
select
    rover,
    camera,
    correlation,
    photos
from gold.camera_travel_correlation
where correlation is not null
qualify row_number() over (partition by rover order by abs(correlation) desc, camera) = 1;

-- How large a part of the sols is this judgement founded on?
select
    rover,
    any_value(sols) as sols,
    round(any_value(known_sols) / any_value(sols), 3) as share_with_known_distance,
    round(any_value(driving_sols) / nullif(any_value(known_sols), 0), 3) as share_of_these_driving
from gold.camera_travel_correlation
group by rover
order by rover;

-- Do cameras of one role behave alike on all rovers?
select
    cameras.role,
    count(*) as cameras,
    round(avg(travel.photos_per_driving_sol), 2) as on_driving_sols,
    round(avg(travel.photos_per_parked_sol), 2) as on_parked_sols
from gold.camera_travel_correlation as travel
inner join silver.dim_cameras as cameras on travel.rover = cameras.rover and travel.camera = cameras.camera
group by cameras.role
order by cameras.role;

-- How many photos of each rover does a kilometre cost, camera by camera?
select
    travel.rover,
    travel.camera,
    round(travel.photos / (rovers.path_length_m / 1000), 1) as photos_per_km
from gold.camera_travel_correlation as travel
inner join gold.rover_summary as rovers on travel.rover = rovers.rover
where rovers.path_length_m > 0
order by photos_per_km desc;
