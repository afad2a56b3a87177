select
    counts.rover,
    counts.sol,
    coalesce(names.camera, counts.source_camera) as camera,
    cast(sum(counts.photos) as bigint) as photos,
    cast(sum(counts.thumbnails) as bigint) as thumbnails,
    max(counts.earth_date) as earth_date
from {{ ref('photo_counts') }} as counts
left join {{ ref('camera_names') }} as names
    on counts.rover = names.rover and counts.source_camera = names.name
group by counts.rover, counts.sol, coalesce(names.camera, counts.source_camera)
