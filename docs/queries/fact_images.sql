-- How many pictures does the lake hold, and what do they take?
select
    rover,
    count(picture_key) as pictures,
    round(sum(bytes) / 1e9, 2) as gigabytes
from silver.fact_images
group by rover
order by rover;

-- Which pictures are not held, and why?
select
    photo_key,
    source_url,
    error,
    fetched_at
from silver.fact_images
where error is not null
order by rover, sol, photo_key
limit 100;

-- Pictures that are the same, byte by byte
select
    sha256,
    count(*) as photos,
    min(photo_key) as first_photo_key
from silver.fact_images
where sha256 is not null
group by sha256
having count(*) > 1
order by photos desc, sha256
limit 50;

-- The brightest and the darkest pictures of a camera
select
    images.photo_key,
    images.mean,
    images.saturated_share,
    photos.local_true_solar_time
from silver.fact_images as images
inner join silver.fact_photos as photos on images.photo_key = photos.photo_key
where photos.camera = 'NAVCAM_LEFT' and images.mean is not null
order by images.mean desc, images.photo_key
limit 50;

-- Pictures that look the same as the one before, of the same camera
select
    images.photo_key,
    photos.camera,
    photos.taken_at_utc
from silver.fact_images as images
inner join silver.fact_photos as photos on images.photo_key = photos.photo_key
qualify
    images.perceptual_hash = lag(images.perceptual_hash) over (
        partition by photos.rover, photos.camera order by photos.taken_at_utc, images.photo_key
    )
order by images.photo_key
limit 50;

-- Is every picture as large as its record says?
select
    images.photo_key,
    photos.width_px as reported,
    images.width_px as held
from silver.fact_images as images
inner join silver.fact_photos as photos on images.photo_key = photos.photo_key
where images.width_px <> photos.width_px
order by images.photo_key
limit 50;
