-- What is held of each camera, and since when?
select
    rover,
    camera,
    min(sol) as first_sol,
    max(sol) as last_sol,
    sum(pictures) as pictures
from gold.image_quality
group by rover, camera
order by rover, camera;

-- On which sols is something missing or damaged?
select
    rover,
    camera,
    sol,
    missing,
    damaged,
    refused,
    failed
from gold.image_quality
where missing + damaged + refused + failed > 0
order by rover, camera, sol
limit 100;

-- Does a camera see less with the years? Its median sharpness, a hundred sols at a time
select
    rover,
    camera,
    sol // 100 * 100 as from_sol,
    round(median(sharpness), 1) as sharpness
from gold.image_quality
group by rover, camera, from_sol
order by rover, camera, from_sol;

-- The sols with the most pictures that are partly overexposed
select
    rover,
    camera,
    sol,
    pictures,
    saturated_share
from gold.image_quality
where saturated_share > 0
order by saturated_share desc, rover, camera, sol
limit 20;

-- How much of what a camera photographed is held?
select
    quality.rover,
    quality.camera,
    sum(quality.pictures) as held,
    sum(summary.photos) as photos
from gold.image_quality as quality
inner join gold.photo_summary as summary
    on quality.rover = summary.rover and quality.camera = summary.camera and quality.sol = summary.sol
group by quality.rover, quality.camera
order by quality.rover, quality.camera;

-- Dust storms and dusk: sols whose pictures are much darker than those of the ten sols before
select
    rover,
    camera,
    sol,
    mean,
    median(mean) over before as mean_before
from gold.image_quality
window before as (partition by rover, camera order by sol rows between 10 preceding and 1 preceding)
qualify mean < 0.6 * mean_before
order by rover, camera, sol;
