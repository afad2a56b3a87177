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
        round(sum(distance_m), 3) as path_length_m,
        round(sum(case when first_sol = last_sol then distance_m else 0 end), 3) as placed_m,
        -- Of each gap the least that it may be; null where there is one of which that is not known.
        case
            when count(case when is_after_gap and gap_m is null then 1 end) = 0
                then coalesce(round(sum(gap_m), 3), 0)
        end as left_out_m
    from {{ ref('fact_path') }}
    group by rover
),

odometers as (
    select
        rover,
        max(odometer_m) as odometer_m
    from {{ ref('odometers') }}
    group by rover
)

select
    rovers.rover,
    coalesce(photos.sols_with_photos, 0) as sols_with_photos,
    photos.first_sol,
    photos.last_sol,
    cast(coalesce(photos.photos, 0) as bigint) as photos,
    coalesce(photos.cameras, 0) as cameras,
    path.path_length_m as distance_m,
    path.path_length_m,
    case
        when path.path_length_m > 0
            then round(path.placed_m / (path.path_length_m + path.left_out_m), 6)
    end as path_placed_share,
    odometers.odometer_m
from {{ ref('dim_rovers') }} as rovers
left join photos on rovers.rover = photos.rover
left join path on rovers.rover = path.rover
left join odometers on rovers.rover = odometers.rover
