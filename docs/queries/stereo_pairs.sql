-- How many pairs has each rover, by camera, and how far are the eyes apart?
select
    rover,
    camera,
    count(*) as pairs,
    round(median(baseline_m), 4) as baseline_m
from gold.stereo_pairs
group by rover, camera
order by rover, pairs desc;

-- The addresses of the two pictures of each pair
select
    pairs.pair_id,
    lefts.image_url as left_url,
    rights.image_url as right_url
from gold.stereo_pairs as pairs
inner join silver.fact_photos as lefts on pairs.left_photo_key = lefts.photo_key
inner join silver.fact_photos as rights on pairs.right_photo_key = rights.photo_key
order by pairs.pair_id
limit 20;

-- To what distance can a pair measure? Where a pixel of disparity is a tenth of the distance
select
    pair_id,
    baseline_m,
    round(0.1 * baseline_m * width_px / radians(fov_h_deg), 1) as metres
from gold.stereo_pairs
where baseline_m is not null and fov_h_deg is not null
order by metres desc
limit 20;

-- Pairs that look down at the ground in front of the rover
select
    pair_id,
    view_azimuth_deg,
    view_elevation_deg,
    site,
    drive
from gold.stereo_pairs
where view_elevation_deg < -20
order by pair_id;

-- On which sols were most pairs taken?
select
    rover,
    sol,
    count(*) as pairs,
    count(distinct sequence_id) as sequences
from gold.stereo_pairs
group by rover, sol
order by pairs desc, rover, sol
limit 20;
