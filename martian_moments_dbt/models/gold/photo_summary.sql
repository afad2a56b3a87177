select
    rover,
    sol,
    camera,
    count(*) as photos,
    count(case when is_thumbnail then 1 end) as thumbnails,
    max(earth_date) as earth_date
from {{ ref('photo_records') }}
group by rover, sol, camera
