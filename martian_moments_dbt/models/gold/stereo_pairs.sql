with eyes as (
    select *
    from {{ ref('observed_frames') }}
    where pair_id is not null
),

pairs as (
    select
        lefts.*,
        rights.photo_key as right_photo_key,
        rights.source_camera as right_camera,
        round(
            sqrt(
                power(lefts.camera_x_m - rights.camera_x_m, 2)
                + power(lefts.camera_y_m - rights.camera_y_m, 2)
                + power(lefts.camera_z_m - rights.camera_z_m, 2)
            ),
            6
        ) as baseline_m
    from eyes as lefts
    inner join eyes as rights on lefts.pair_id = rights.pair_id
    where lefts.eye = 'left' and rights.eye = 'right'
)

select
    pairs.pair_id,
    pairs.rover,
    pairs.sol,
    coalesce(names.camera, pairs.source_camera) as camera,
    pairs.sequence_id,
    pairs.taken_at_utc,
    pairs.photo_key as left_photo_key,
    pairs.right_photo_key,
    pairs.source_camera as left_camera,
    pairs.right_camera,
    pairs.width_px,
    pairs.height_px,
    pairs.baseline_m,
    pairs.view_azimuth_deg,
    pairs.view_elevation_deg,
    pairs.fov_h_deg,
    pairs.fov_v_deg,
    pairs.site,
    pairs.drive,
    {{ place_columns() }}
from pairs
{{ place_and_camera('pairs') }}
