-- The same eyes on four rovers: which cameras share a role?
select
    role,
    count(distinct rover) as rovers,
    string_agg(rover || ' ' || camera, ', ' order by rover, camera) as cameras
from silver.dim_cameras
where role <> 'unknown'
group by role
order by rovers desc, role;

-- How many cameras does each rover carry, and of how many are there photos?
select
    rover,
    count(*) as cameras,
    count(*) filter (where is_seen) as with_photos,
    count(*) filter (where not is_known) as nobody_knows
from silver.dim_cameras
group by rover
order by rover;

-- The names under which a source reports the photos of each camera
select
    cameras.rover,
    cameras.full_name,
    string_agg(distinct photos.source || ': ' || photos.source_camera, ', ') as reported_as
from silver.dim_cameras as cameras
inner join silver.fact_photos as photos on cameras.rover = photos.rover and cameras.camera = photos.camera
group by cameras.rover, cameras.full_name
order by cameras.rover, cameras.full_name;

-- Which roles did the older rovers not have?
select
    role,
    string_agg(distinct full_name, ', ' order by full_name) as cameras
from silver.dim_cameras
group by role
having count(*) filter (where rover in ('spirit', 'opportunity')) = 0
order by role;

-- When did each kind of camera take its first picture of Mars?
select
    cameras.role,
    arg_min(photos.rover, photos.taken_at_utc) as rover,
    min(photos.taken_at_utc) as first_taken
from silver.fact_photos as photos
inner join silver.dim_cameras as cameras on photos.rover = cameras.rover and photos.camera = cameras.camera
where photos.taken_at_utc is not null and photos.taken_at_method <> 'sol'
group by cameras.role
order by first_taken;

-- Wide or narrow: the cameras of each rover by their field of view
select
    rover,
    camera,
    fov_h_deg,
    fov_v_deg,
    detector_width_px,
    detector_height_px,
    fact_source
from silver.dim_cameras
where fov_h_deg is not null
order by rover, fov_h_deg desc, camera;
