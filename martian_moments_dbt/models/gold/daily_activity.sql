{% set place_m = 1 %}

{#
    What each sol is known to have: metres whose sol is not certain (of legs without a sol, of several sols, of a hole in the map)
    are no sol's distance, but the most that it may be. Up to a metre of these is no doubt: so far apart is one place told twice
    (72 of Spirit's steps, 35 m in all, have two sols or more, most of them a turn of some decimetres).

    Where legs say from where to where they go, one that starts where no other ended follows on a hole: what was driven there, and
    on which of the sols from the leg before it, nobody knows. Perseverance's 522 legs of 2026-04 have none.
#}
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

path as (
    select
        *,
        coalesce(first_sol = last_sol, false) as is_placed
    from {{ ref('fact_path') }}
),

drives as (
    select
        rover,
        sol,
        count(*) as legs,
        sum(case when is_placed then distance_m else 0 end) as distance_m
    from path
    where sol is not null
    group by rover, sol
),

unplaced as (
    select
        rover,
        first_sol,
        last_sol,
        distance_m
    from path
    where not is_placed and distance_m > 0
),

holes as (
    select
        legs.rover,
        legs.sol_before,
        legs.first_sol
    from (
        select
            *,
            max(sol) over (
                partition by rover order by leg rows between unbounded preceding and 1 preceding
            ) as sol_before
        from path
    ) as legs
    left join path as ends
        on legs.rover = ends.rover and legs.from_site = ends.to_site and legs.from_drive = ends.to_drive
    where
        legs.sol_method = 'told'
        and legs.from_site is not null
        and legs.sol_before is not null
        and ends.rover is null
),

-- A map ends long before the photos do; what it does not tell is not known.
paths as (
    select
        rover,
        max(sol) as last_sol
    from path
    group by rover
),

sols as (
    select
        coalesce(photos.rover, drives.rover) as rover,
        coalesce(photos.sol, drives.sol) as sol,
        photos.earth_date,
        photos.photos,
        photos.cameras,
        drives.legs,
        drives.distance_m
    from photos
    full outer join drives on photos.rover = drives.rover and photos.sol = drives.sol
),

in_holes as (
    select distinct
        sols.rover,
        sols.sol
    from sols
    inner join holes
        on
            sols.rover = holes.rover
            and sols.sol >= holes.sol_before
            and sols.sol <= greatest(holes.first_sol, holes.sol_before)
),

-- Beyond the last sol of the map no leg is known. A leg without a first or last sol may be of any before or
-- after.
possible as (
    select
        sols.rover,
        sols.sol,
        sum(unplaced.distance_m) as distance_m
    from sols
    inner join unplaced
        on
            sols.rover = unplaced.rover
            and sols.sol >= coalesce(unplaced.first_sol, sols.sol)
            and sols.sol <= coalesce(unplaced.last_sol, sols.sol)
    group by sols.rover, sols.sol
),

-- To the millimetre: sums of floats depend on the order of the rows.
bounded as (
    select
        sols.*,
        case when sols.sol <= paths.last_sol then round(coalesce(sols.distance_m, 0), 3) end as least_m,
        case
            when sols.sol <= paths.last_sol and in_holes.rover is null
                then round(coalesce(possible.distance_m, 0), 3)
        end as more_m
    from sols
    left join in_holes on sols.rover = in_holes.rover and sols.sol = in_holes.sol
    left join possible on sols.rover = possible.rover and sols.sol = possible.sol
    left join paths on sols.rover = paths.rover
)

select
    rover,
    sol,
    earth_date,
    cast(coalesce(photos, 0) as bigint) as photos,
    coalesce(cameras, 0) as cameras,
    case when more_m < {{ place_m }} then coalesce(legs, 0) end as legs,
    case when more_m < {{ place_m }} then least_m end as distance_m,
    least_m as distance_at_least_m,
    round(least_m + more_m, 3) as distance_at_most_m
from bounded
