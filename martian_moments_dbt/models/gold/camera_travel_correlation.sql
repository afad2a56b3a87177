{#
    Over every sol with photos or a drive whose distance is known: the others are neither driving nor parked, and no part of the
    correlation. A leg of no length is no drive: the counter of sites goes up while the rover stands.
#}
with sols as (
    select
        *,
        distance_m > 0 as is_driving
    from {{ ref('daily_activity') }}
),

cameras as (
    select
        rover,
        camera
    from {{ ref('photo_summary') }}
    group by rover, camera
),

days as (
    select
        cameras.rover,
        cameras.camera,
        sols.is_driving,
        sols.distance_m,
        coalesce(photo_summary.photos, 0) as taken,
        case when sols.distance_m is not null then coalesce(photo_summary.photos, 0) end as known_taken
    from cameras
    inner join sols on cameras.rover = sols.rover
    left join {{ ref('photo_summary') }} as photo_summary
        on
            cameras.rover = photo_summary.rover
            and cameras.camera = photo_summary.camera
            and sols.sol = photo_summary.sol
)

select
    rover,
    camera,
    count(*) as sols,
    count(distance_m) as known_sols,
    count(case when is_driving then 1 end) as driving_sols,
    cast(sum(taken) as bigint) as photos,
    -- Doubles throughout: Snowflake's average of integers is a decimal.
    round(avg(case when is_driving then cast(taken as double) end), 3) as photos_per_driving_sol,
    round(avg(case when not is_driving then cast(taken as double) end), 3) as photos_per_parked_sol,
    round({{ correlation('known_taken', 'distance_m') }}, 6) as correlation
from days
group by rover, camera
