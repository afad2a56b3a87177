-- Every series of frames that could be a movie, the longest first
select
    image_sequence_id,
    frames,
    missing_frames,
    step_s,
    round(view_azimuth_deg) as azimuth,
    round(view_elevation_deg) as elevation
from gold.image_sequences
order by frames desc, image_sequence_id;

-- Movies of the sky: those that look up
select
    image_sequence_id,
    frames,
    first_taken_at_utc
from gold.image_sequences
where view_elevation_deg - fov_v_deg / 2 > -10
order by first_taken_at_utc;

-- How long is each at ten frames a second, and how much time of Mars is in it?
select
    image_sequence_id,
    frames / 10 as seconds,
    last_taken_at_utc - first_taken_at_utc as of_mars
from gold.image_sequences
order by seconds desc, image_sequence_id;

-- Which have no frame missing?
select
    rover,
    count(*) filter (where missing_frames = 0) as whole,
    count(*) as series
from gold.image_sequences
group by rover
order by rover;

-- Under what Sun was each taken?
select
    series.image_sequence_id,
    min(photos.local_true_solar_time) as from_time,
    round(avg(photos.sun_elevation_deg), 1) as sun_elevation,
    any_value(photos.mars_year) as mars_year
from gold.image_sequences as series
inner join gold.image_sequence_frames as frames on series.image_sequence_id = frames.image_sequence_id
inner join silver.fact_photos as photos on frames.photo_key = photos.photo_key
group by series.image_sequence_id
order by series.image_sequence_id;
