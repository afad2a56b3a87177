select
    photos.rover,
    photos.sol,
    coalesce(names.camera, photos.camera) as camera,
    count(*) as photos,
    count(case when photos.is_thumbnail then 1 end) as thumbnails,
    max(photos.earth_date) as earth_date
from {{ ref('photo_records') }} as photos
left join {{ ref('camera_names') }} as names
    on photos.rover = names.rover and photos.camera = names.name
group by photos.rover, photos.sol, coalesce(names.camera, photos.camera)
