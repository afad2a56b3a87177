-- The ten longest drives of one sol
select
    rover,
    sol,
    earth_date,
    legs,
    distance_m
from gold.daily_activity
where distance_m is not null
order by distance_m desc, rover, sol
limit 10;

-- How far did each rover come in steps of 100 sols?
select
    rover,
    sol - sol % 100 as from_sol,
    round(sum(distance_m)) as metres,
    sum(photos) as photos
from gold.daily_activity
group by rover, from_sol
order by rover, from_sol;

-- On which sols is it not certain how far the rover drove, and between what does it lie?
select
    rover,
    sol,
    distance_at_least_m,
    distance_at_most_m
from gold.daily_activity
where distance_m is null and distance_at_least_m is not null
order by rover, sol;

-- The longest stay at one place: sols between two drives
select
    rover,
    sol as arrived_on_sol,
    lead(sol) over (partition by rover order by sol) as left_on_sol,
    lead(sol) over (partition by rover order by sol) - sol as sols
from gold.daily_activity
where distance_at_least_m > 0
qualify sols is not null
order by sols desc, rover
limit 10;

-- Which sols had many photos from many cameras, but no metre driven?
select
    rover,
    sol,
    photos,
    cameras
from gold.daily_activity
where distance_m = 0 and cameras >= 3
order by photos desc, rover, sol
limit 20;

-- In which season of Mars did each rover take most photos on a sol?
select
    rover,
    season,
    count(*) as sols,
    round(avg(photos), 1) as photos_on_a_sol
from gold.daily_activity
where photos > 0
group by rover, season
order by rover, photos_on_a_sol desc;

-- The sols with most photos by low or no Sun
select
    rover,
    sol,
    season,
    pictures_with_sun,
    share_golden_hour,
    share_twilight,
    share_night
from gold.daily_activity
where pictures_with_sun > 0
order by pictures_with_sun * (1 - share_day) desc, rover, sol
limit 20;

-- Which sols had pictures with the Sun low or down: golden hour, twilight, night?
select
    rover,
    sol,
    season,
    pictures_with_sun,
    round(share_golden_hour * pictures_with_sun) as golden_hour,
    round(share_twilight * pictures_with_sun) as twilight,
    round(share_night * pictures_with_sun) as night
from gold.daily_activity
where share_day < 1
order by share_day, rover, sol
limit 20;

-- Does the season change how many photos a rover takes, and how far it drives?
select
    rover,
    season,
    count(*) as sols,
    round(avg(photos)) as photos_per_sol,
    round(avg(distance_m), 1) as metres_per_sol
from gold.daily_activity
where season is not null
group by rover, season
order by rover, min(solar_longitude_deg);
