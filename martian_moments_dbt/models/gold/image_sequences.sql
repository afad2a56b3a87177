with sequences as (
    select
        image_sequence_id,
        rover,
        sol,
        source_camera,
        sequence_id,
        max(site) as site,
        max(drive) as drive,
        min(taken_at_utc) as first_taken_at_utc,
        max(taken_at_utc) as last_taken_at_utc,
        count(*) as frames,
        cast(sum(missing_before) as bigint) as missing_frames,
        max(step_s) as step_s,
        max(width_px) as width_px,
        max(height_px) as height_px,
        max(first_azimuth_deg) as view_azimuth_deg,
        max(first_elevation_deg) as view_elevation_deg,
        max(fov_h_deg) as fov_h_deg,
        max(fov_v_deg) as fov_v_deg
    from {{ ref('observed_frames') }}
    where image_sequence_id is not null
    group by image_sequence_id, rover, sol, source_camera, sequence_id
)

select
    sequences.image_sequence_id,
    sequences.rover,
    sequences.sol,
    coalesce(names.camera, sequences.source_camera) as camera,
    sequences.source_camera,
    sequences.sequence_id,
    sequences.first_taken_at_utc,
    sequences.last_taken_at_utc,
    sequences.frames,
    sequences.missing_frames,
    sequences.step_s,
    sequences.width_px,
    sequences.height_px,
    sequences.view_azimuth_deg,
    sequences.view_elevation_deg,
    sequences.fov_h_deg,
    sequences.fov_v_deg,
    sequences.site,
    sequences.drive,
    {{ place_columns() }}
from sequences
{{ place_and_camera('sequences') }}
