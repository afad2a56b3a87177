with photos as (
    select
        rover,
        camera,
        count(*) as sols_with_photos,
        sum(photos) as photos,
        sum(thumbnails) as thumbnails,
        min(sol) as first_sol,
        max(sol) as last_sol
    from {{ ref('photo_summary') }}
    group by rover, camera
)

select
    cameras.rover,
    cameras.camera,
    cameras.full_name,
    cameras.role,
    cast(coalesce(photos.photos, 0) as bigint) as photos,
    cast(coalesce(photos.thumbnails, 0) as bigint) as thumbnails,
    coalesce(photos.sols_with_photos, 0) as sols_with_photos,
    photos.first_sol,
    photos.last_sol
from {{ ref('dim_cameras') }} as cameras
left join photos on cameras.rover = photos.rover and cameras.camera = photos.camera
