{#
    Rovers whose last waypoint and whose path report distances more than 1 % apart. A waypoints file that is older than the path,
    or has one waypoint only, is no contradiction: the path is summed up to that waypoint's sol. Spirit and Opportunity have no
    published odometer: what dim_waypoints has of them is the path itself.
#}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fact_path'}}}) }}

with odometers as (
    select
        rover,
        sol,
        distance_total_m
    from {{ ref('dim_waypoints') }}
    where
        distance_total_m > 0
        and sol is not null
        and rover in (select rover from {{ ref('stg_mmgis__waypoints') }})
    qualify row_number() over (partition by rover order by sol desc, site desc, drive desc) = 1
),

driven as (
    select
        odometers.rover,
        odometers.sol,
        odometers.distance_total_m,
        sum(path.distance_m) as distance_m,
        count(*) - count(path.sol) as legs_without_sol
    from odometers
    inner join {{ ref('fact_path') }} as path
        on odometers.rover = path.rover and (odometers.sol >= path.sol or path.sol is null)
    group by odometers.rover, odometers.sol, odometers.distance_total_m
)

select * from driven
where abs(distance_m - distance_total_m) > 0.01 * distance_total_m
