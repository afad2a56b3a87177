{# Cameras as they were built: each eye and each spare of its own. #}
select
    instruments.rover,
    instruments.name as source_camera,
    coalesce(names.camera, instruments.name) as camera,
    cameras.role,
    instruments.eye,
    instruments.stereo_partner,
    instruments.detector_width_px,
    instruments.detector_height_px,
    instruments.fov_h_deg,
    instruments.fov_v_deg,
    instruments.is_bayer,
    instruments.fact_source
from {{ facts('instruments') }} as instruments
left join {{ facts('camera_names') }} as names
    on instruments.rover = names.rover and instruments.name = names.name
left join {{ facts('cameras') }} as cameras
    on instruments.rover = cameras.rover and coalesce(names.camera, instruments.name) = cameras.camera
