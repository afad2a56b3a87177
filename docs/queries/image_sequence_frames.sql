-- The frames of a series in their order, with the addresses of the pictures
select
    frames.image_sequence_id,
    frames.taken_at_utc,
    photos.image_url
from gold.image_sequence_frames as frames
inner join silver.fact_photos as photos on frames.photo_key = photos.photo_key
order by frames.image_sequence_id, frames.taken_at_utc;

-- How far apart are the frames?
select
    image_sequence_id,
    taken_at_utc,
    taken_at_utc - lag(taken_at_utc) over (partition by image_sequence_id order by taken_at_utc) as step,
    missing_before
from gold.image_sequence_frames
order by image_sequence_id, taken_at_utc;

-- How still does the camera stand? (The azimuth of each frame against the first, also across north)
with moved as (
    select
        *,
        first(view_azimuth_deg) over frames as first_azimuth_deg,
        first(view_elevation_deg) over frames as first_elevation_deg
    from gold.image_sequence_frames
    window frames as (partition by image_sequence_id order by taken_at_utc, photo_key)
)

select
    image_sequence_id,
    max(abs((view_azimuth_deg - first_azimuth_deg + 540) % 360 - 180)) as azimuth_deg,
    max(abs(view_elevation_deg - first_elevation_deg)) as elevation_deg
from moved
group by image_sequence_id
order by image_sequence_id;

-- A number for each frame, as movie makers name files
select
    photo_key,
    row_number() over (partition by image_sequence_id order by taken_at_utc, photo_key) as frame
from gold.image_sequence_frames
order by image_sequence_id, frame;

-- On which share of the sols with photos was a series taken?
select
    summary.rover,
    count(distinct frames.sol) as sols,
    any_value(summary.sols_with_photos) as sols_with_photos
from gold.image_sequence_frames as frames
inner join gold.rover_summary as summary on frames.rover = summary.rover
group by summary.rover
order by summary.rover;
