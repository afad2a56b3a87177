{% set place_m = 1 %}

{#
    What each sol is known to have: metres whose sol is not certain (of legs without a sol, of several sols, of a hole in the map)
    are no sol's distance, but the most that it may be. Up to a metre of these is no doubt: so far apart is one place reported twice
    (72 of Spirit's steps, 35 m in all, have two sols or more, most of them a turn of some decimetres).

    What was driven in a gap of the path, and on which of the sols from the leg before it, nobody knows. Before the first leg these
    are all sols, unless it begins where the rover landed: then the rover stood there.
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

lights as (
    select
        rover,
        sol,
        count(*) as pictures,
        count(case when sun_elevation_deg > 10 then 1 end) as by_day,
        count(case when sun_elevation_deg between 0 and 10 then 1 end) as golden,
        count(case when sun_elevation_deg >= -18 and sun_elevation_deg < 0 then 1 end) as dim,
        count(case when sun_elevation_deg < -18 then 1 end) as by_night
    from {{ ref('fact_photos') }}
    where sun_elevation_deg is not null
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

gaps as (
    select
        rover,
        sol_before as first_sol,
        -- A leg without a sol was driven by its last possible one; where there is none, on any.
        case
            when sol is not null then greatest(first_sol, coalesce(sol_before, first_sol))
            else last_sol
        end as last_sol
    from (
        select
            *,
            max(sol) over (
                partition by rover order by leg rows between unbounded preceding and 1 preceding
            ) as sol_before
        from path
    ) as legs
    where is_after_gap
),

-- A map ends long before the photos do; what it does not report is not known.
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

in_gaps as (
    select distinct
        sols.rover,
        sols.sol
    from sols
    inner join gaps
        on
            sols.rover = gaps.rover
            and sols.sol >= coalesce(gaps.first_sol, sols.sol)
            and sols.sol <= coalesce(gaps.last_sol, sols.sol)
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
            when sols.sol <= paths.last_sol and in_gaps.rover is null
                then round(coalesce(possible.distance_m, 0), 3)
        end as more_m
    from sols
    left join in_gaps on sols.rover = in_gaps.rover and sols.sol = in_gaps.sol
    left join possible on sols.rover = possible.rover and sols.sol = possible.sol
    left join paths on sols.rover = paths.rover
),

-- The season changes by half a degree a sol: that of its mean noon is the sol's.
noons as (
    select
        bounded.*,
        {{ seconds_after(
            'rovers.first_midnight_utc', '(bounded.sol - rovers.first_sol + 0.5) * ' ~ sol_seconds()
        ) }} as noon_utc
    from bounded
    left join {{ ref('dim_rovers') }} as rovers on bounded.rover = rovers.rover
),

seasons as (
    {{ with_sun('noons', 'noon_utc') }}
)

select
    seasons.rover,
    seasons.sol,
    seasons.earth_date,
    cast(coalesce(seasons.photos, 0) as bigint) as photos,
    coalesce(seasons.cameras, 0) as cameras,
    case when seasons.more_m < {{ place_m }} then coalesce(seasons.legs, 0) end as legs,
    case when seasons.more_m < {{ place_m }} then seasons.least_m end as distance_m,
    seasons.least_m as distance_at_least_m,
    round(seasons.least_m + seasons.more_m, 3) as distance_at_most_m,
    seasons.solar_longitude_deg,
    case
        when seasons.solar_longitude_deg < 90 then 'northern spring'
        when seasons.solar_longitude_deg < 180 then 'northern summer'
        when seasons.solar_longitude_deg < 270 then 'northern autumn'
        when seasons.solar_longitude_deg < 360 then 'northern winter'
    end as season,
    coalesce(lights.pictures, 0) as pictures_with_sun,
    round(cast(lights.by_day as double) / lights.pictures, 4) as share_day,
    round(cast(lights.golden as double) / lights.pictures, 4) as share_golden_hour,
    round(cast(lights.dim as double) / lights.pictures, 4) as share_twilight,
    round(cast(lights.by_night as double) / lights.pictures, 4) as share_night
from seasons
left join lights on seasons.rover = lights.rover and seasons.sol = lights.sol
