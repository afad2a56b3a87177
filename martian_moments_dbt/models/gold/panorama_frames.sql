{{ config(materialized='view') }}

select
    panorama_id,
    photo_key,
    rover,
    sol,
    exposure_id,
    taken_at_utc,
    view_azimuth_deg,
    view_elevation_deg,
    fov_h_deg,
    fov_v_deg
from {{ ref('observed_frames') }}
where panorama_id is not null
