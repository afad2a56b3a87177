with panoramas as (
    select
        panorama_id,
        rover,
        sol,
        source_camera,
        sequence_id,
        site,
        drive,
        azimuth_from_deg,
        coverage_deg,
        min(taken_at_utc) as first_taken_at_utc,
        max(taken_at_utc) as last_taken_at_utc,
        count(*) as frames,
        count(distinct exposure_id) as exposures,
        round(min(view_elevation_deg - fov_v_deg / 2), 4) as elevation_from_deg,
        round(max(view_elevation_deg + fov_v_deg / 2), 4) as elevation_to_deg
    from {{ ref('observed_frames') }}
    where panorama_id is not null
    group by
        panorama_id, rover, sol, source_camera, sequence_id, site, drive, azimuth_from_deg, coverage_deg
)

select
    panoramas.panorama_id,
    panoramas.rover,
    panoramas.sol,
    coalesce(names.camera, panoramas.source_camera) as camera,
    panoramas.source_camera,
    panoramas.sequence_id,
    panoramas.first_taken_at_utc,
    panoramas.last_taken_at_utc,
    panoramas.frames,
    panoramas.exposures,
    panoramas.azimuth_from_deg,
    case
        when panoramas.coverage_deg >= 360 then 360
        else {{ circled('panoramas.azimuth_from_deg + panoramas.coverage_deg') }}
    end as azimuth_to_deg,
    panoramas.coverage_deg,
    panoramas.coverage_deg >= 360 as is_full_circle,
    panoramas.elevation_from_deg,
    panoramas.elevation_to_deg,
    panoramas.site,
    panoramas.drive,
    {{ place_columns() }}
from panoramas
{{ place_and_camera('panoramas') }}
