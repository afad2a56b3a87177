-- The frames of a panorama from left to right, with the addresses of the pictures
select
    frames.panorama_id,
    frames.view_azimuth_deg,
    photos.image_url
from gold.panorama_frames as frames
inner join silver.fact_photos as photos on frames.photo_key = photos.photo_key
order by frames.panorama_id, frames.view_azimuth_deg;

-- By how much does a frame overlap its neighbour to the right? The last one's is the first, across north
with neighbours as (
    select
        *,
        coalesce(lead(view_azimuth_deg) over ring, first(view_azimuth_deg) over ring) as next_azimuth_deg,
        coalesce(lead(fov_h_deg) over ring, first(fov_h_deg) over ring) as next_fov_h_deg
    from gold.panorama_frames
    window ring as (partition by panorama_id order by view_azimuth_deg, photo_key)
)

select
    panorama_id,
    view_azimuth_deg,
    round(
        (fov_h_deg + next_fov_h_deg) / 2 - (next_azimuth_deg - view_azimuth_deg + 360) % 360, 1
    ) as overlap_deg
from neighbours
order by panorama_id, view_azimuth_deg;

-- Which frames have the Sun above them or in them?
select
    frames.panorama_id,
    frames.photo_key,
    photos.sun_azimuth_deg,
    photos.sun_elevation_deg
from gold.panorama_frames as frames
inner join silver.fact_photos as photos on frames.photo_key = photos.photo_key
where
    photos.sun_elevation_deg > 0
    and abs((photos.sun_azimuth_deg - frames.view_azimuth_deg + 540) % 360 - 180) < frames.fov_h_deg / 2
order by frames.panorama_id, frames.photo_key;

-- How long did each take?
select
    panorama_id,
    count(*) as frames,
    max(taken_at_utc) - min(taken_at_utc) as time_taken
from gold.panorama_frames
group by panorama_id
order by time_taken desc;

-- Which exposures came in tiles?
select
    panorama_id,
    exposure_id,
    count(*) as tiles
from gold.panorama_frames
group by panorama_id, exposure_id
order by tiles desc, panorama_id, exposure_id
limit 20;
