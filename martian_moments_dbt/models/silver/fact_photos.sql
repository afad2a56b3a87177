{#
    A view over photo_records: a waypoint that is published or revised later moves the photos taken there at once, without
    rewriting them.
#}
{{ config(materialized='view') }}

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
    cast(null as timestamptz) as taken_at_utc,
    cast(null as varchar) as taken_at_method,
    cast(null as varchar) as lmst,
    photos.earth_date,
    photos.site,
    photos.drive,
    waypoints.longitude,
    waypoints.latitude,
    waypoints.elevation_m,
    case when waypoints.rover is not null then 'rmc' end as location_method,
    photos.image_url,
    photos.object_key,
    photos.fetched_at
from {{ ref('photo_records') }} as photos
left join {{ source('bronze', 'camera_names') }} as names
    on photos.rover = names.rover and photos.camera = names.name
left join {{ ref('dim_cameras') }} as cameras
    on photos.rover = cameras.rover and coalesce(names.camera, photos.camera) = cameras.camera
left join {{ ref('dim_waypoints') }} as waypoints
    on photos.rover = waypoints.rover and photos.site = waypoints.site and photos.drive = waypoints.drive
