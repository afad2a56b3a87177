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
),

-- A map ends long before the photos do; what it does not tell is not known.
paths as (
    select
        rover,
        max(sol) as last_sol
    from drives
    group by rover
)

select
    coalesce(photos.rover, drives.rover) as rover,
    coalesce(photos.sol, drives.sol) as sol,
    photos.earth_date,
    cast(coalesce(photos.photos, 0) as bigint) as photos,
    coalesce(photos.cameras, 0) as cameras,
    case when coalesce(photos.sol, drives.sol) <= paths.last_sol then coalesce(drives.legs, 0) end as legs,
    case
        when coalesce(photos.sol, drives.sol) <= paths.last_sol then coalesce(drives.distance_m, 0)
    end as distance_m
from photos
full outer join drives on photos.rover = drives.rover and photos.sol = drives.sol
left join paths on coalesce(photos.rover, drives.rover) = paths.rover
