{{ config(materialized='view') }}

select
    image_sequence_id,
    photo_key,
    rover,
    sol,
    taken_at_utc,
    missing_before,
    view_azimuth_deg,
    view_elevation_deg
from {{ ref('observed_frames') }}
where image_sequence_id is not null
