with photos as (
    select
        rover,
        count(distinct sol) as sols_with_photos,
        min(sol) as first_sol,
        max(sol) as last_sol,
        sum(photos) as photos,
        count(distinct camera) as cameras
    from {{ ref('photo_summary') }}
    group by rover
),

path as (
    select
        rover,
        -- To the millimetre: sums of floats depend on the order of the rows.
        round(sum(distance_m), 3) as distance_m
    from {{ ref('fact_path') }}
    group by rover
)

select
    rovers.rover,
    coalesce(photos.sols_with_photos, 0) as sols_with_photos,
    photos.first_sol,
    photos.last_sol,
    cast(coalesce(photos.photos, 0) as bigint) as photos,
    coalesce(photos.cameras, 0) as cameras,
    path.distance_m
from {{ ref('dim_rovers') }} as rovers
left join photos on rovers.rover = photos.rover
left join path on rovers.rover = path.rover
