{# Cameras that the seed lacks are kept, with the role unknown. Sources name one camera differently. #}
with known as (
    select * from {{ ref('cameras') }}
),

seen as (
    select
        photos.rover,
        coalesce(names.camera, photos.camera) as camera,
        max(photos.camera_full_name) as full_name
    from {{ ref('photo_records') }} as photos
    left join {{ ref('camera_names') }} as names
        on photos.rover = names.rover and photos.camera = names.name
    group by photos.rover, coalesce(names.camera, photos.camera)
)

select
    coalesce(known.rover, seen.rover) as rover,
    coalesce(known.camera, seen.camera) as camera,
    coalesce(known.full_name, seen.full_name, seen.camera) as full_name,
    coalesce(known.role, 'unknown') as role,
    known.camera is not null as is_known,
    seen.camera is not null as is_seen
from known
full outer join seen on known.rover = seen.rover and known.camera = seen.camera
