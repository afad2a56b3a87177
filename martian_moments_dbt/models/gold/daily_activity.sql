with photos as (
    select
        rover,
        sol,
        max(earth_date) as earth_date,
        sum(photos) as photos,
        count(*) as cameras
    from {{ ref('photo_summary') }}
    group by rover, sol
),

drives as (
    select
        rover,
        sol,
        count(*) as legs,
        -- To the millimetre: sums of floats depend on the order of the rows.
        round(sum(distance_m), 3) as distance_m
    from {{ ref('fact_path') }}
    where sol is not null
    group by rover, sol
)

select
    coalesce(photos.rover, drives.rover) as rover,
    coalesce(photos.sol, drives.sol) as sol,
    photos.earth_date,
    cast(coalesce(photos.photos, 0) as bigint) as photos,
    coalesce(photos.cameras, 0) as cameras,
    coalesce(drives.legs, 0) as legs,
    coalesce(drives.distance_m, 0) as distance_m
from photos
full outer join drives on photos.rover = drives.rover and photos.sol = drives.sol
