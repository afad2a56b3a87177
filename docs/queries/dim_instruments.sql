-- The eyes that see in stereo, pair by pair
select
    rover,
    camera,
    source_camera as left_eye,
    stereo_partner as right_eye
from silver.dim_instruments
where eye = 'left'
order by rover, left_eye;

-- Which cameras see the finest detail: about the angle of a pixel, in millionths of a radian
select
    rover,
    source_camera,
    round(radians(fov_h_deg) / detector_width_px * 1e6) as pixel_urad
from silver.dim_instruments
where fov_h_deg is not null
order by pixel_urad, rover, source_camera;

-- How many photos did each eye take, and of the engineering cameras of Curiosity each computer's?
select
    instruments.rover,
    instruments.source_camera,
    instruments.eye,
    count(*) as photos
from silver.fact_photos as photos
inner join silver.dim_instruments as instruments
    on photos.rover = instruments.rover and photos.source_camera = instruments.source_camera
group by instruments.rover, instruments.source_camera, instruments.eye
order by instruments.rover, photos desc, instruments.source_camera;

-- Photos that have all the pixels of their camera across
select
    photos.photo_key,
    photos.width_px,
    instruments.detector_width_px
from silver.fact_photos as photos
inner join silver.dim_instruments as instruments
    on photos.rover = instruments.rover and photos.source_camera = instruments.source_camera
where photos.width_px = instruments.detector_width_px
order by photos.photo_key
limit 20;

-- Colour or gray: the detectors of each rover and the papers that describe them
select
    rover,
    is_bayer,
    count(*) as cameras,
    string_agg(distinct fact_source, ', ' order by fact_source) as papers
from silver.dim_instruments
group by rover, is_bayer
order by rover, is_bayer;
