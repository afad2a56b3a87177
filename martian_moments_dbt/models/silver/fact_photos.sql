{#
    A view over photo_records: a waypoint that is published or revised later moves the photos taken there at once, without
    rewriting them.
#}
{{ config(materialized='view') }}
{%- set sun = [
    'positions.longitude', 'positions.latitude', 'photos.subsolar_longitude_deg', 'photos.sun_declination_deg'
] %}

select
    photos.photo_key,
    photos.rover,
    photos.sol,
    photos.source,
    photos.source_id,
    photos.product_identity,
    coalesce(names.camera, photos.camera) as camera,
    photos.camera as source_camera,
    cameras.role as camera_role,
    photos.product_type,
    photos.is_thumbnail,
    photos.taken_at_utc,
    photos.taken_at_method,
    photos.taken_at_uncertainty_s,
    photos.is_time_disputed,
    photos.lmst,
    photos.lmst_method,
    photos.earth_date,
    photos.earth_date_method,
    photos.site,
    photos.drive,
    photos.site_method,
    positions.longitude,
    positions.latitude,
    positions.elevation_m,
    positions.heading_deg,
    positions.distance_driven_m,
    positions.distance_driven_method,
    positions.location_method,
    positions.location_quality,
    positions.location_uncertainty_m,
    photos.sequence_id,
    photos.exposure_id,
    photos.color_kind,
    photos.width_px,
    photos.height_px,
    photos.scale_factor,
    photos.subframe_x,
    photos.subframe_y,
    photos.subframe_width,
    photos.subframe_height,
    photos.view_azimuth_deg,
    photos.view_elevation_deg,
    photos.fov_h_deg,
    photos.fov_v_deg,
    photos.view_method,
    {{ sun_azimuth(*sun) }} as sun_azimuth_deg,
    {{ sun_elevation(*sun) }} as sun_elevation_deg,
    photos.solar_longitude_deg,
    {{ true_solar_time(sun[0], sun[2]) }} as local_true_solar_time,
    photos.mars_year,
    photos.caption,
    photos.credit,
    photos.date_received,
    photos.image_url,
    photos.image_url_small,
    photos.image_url_full,
    photos.object_key,
    photos.fetched_at
from {{ ref('photo_records') }} as photos
left join {{ ref('camera_names') }} as names
    on photos.rover = names.rover and photos.camera = names.name
left join {{ ref('dim_cameras') }} as cameras
    on photos.rover = cameras.rover and coalesce(names.camera, photos.camera) = cameras.camera
left join {{ ref('photo_positions') }} as positions
    on
        photos.rover = positions.rover
        and photos.sol = positions.sol
        and photos.site is not distinct from positions.site
        and photos.drive is not distinct from positions.drive
