{#
    The path of Spirit and Opportunity: straight from each place to the next, in the order of the motion counters, along the
    corrected positions. A place that is reported several times (109 of Spirit's 8,528, some a metre apart) is where it was reported
    last; a rover stands there from the first of its sols to the last. Spirit: 7,209.9 m.

    A step begins on the last sol of the place before it. That is the sol of its end but for 103 of Spirit's 8,527 steps, and where
    the file leaves sols out.
#}
with places as (
    select
        rover,
        site,
        drive,
        min(start_sol) over (partition by rover, site, drive) as sol,
        max(coalesce(end_sol, start_sol)) over (partition by rover, site, drive) as last_sol,
        easting_m,
        northing_m,
        longitude,
        latitude
    from {{ ref('stg_mer__places') }}
    where
        kind = 'traverse'
        and site is not null
        and drive is not null
        and easting_m is not null
        and northing_m is not null
    qualify
        row_number() over (
            partition by rover, site, drive
            order by start_sol desc, end_sol desc, position desc
        ) = 1
),

steps as (
    select
        rover,
        sol,
        lag(last_sol) over (partition by rover order by site, drive) as from_sol,
        lag(site) over (partition by rover order by site, drive) as from_site,
        lag(drive) over (partition by rover order by site, drive) as from_drive,
        site as to_site,
        drive as to_drive,
        lag(easting_m) over (partition by rover order by site, drive) as from_easting_m,
        lag(northing_m) over (partition by rover order by site, drive) as from_northing_m,
        easting_m,
        northing_m,
        lag(longitude) over (partition by rover order by site, drive) as from_longitude,
        lag(latitude) over (partition by rover order by site, drive) as from_latitude,
        longitude,
        latitude
    from places
)

select
    rover,
    row_number() over (partition by rover order by to_site, to_drive) as leg,
    sol,
    case when from_sol < sol then from_sol else sol end as start_sol,
    case when sol is not null then 'told' end as sol_method,
    from_site,
    from_drive,
    to_site,
    to_drive,
    concat_ws('_', from_site, from_drive) as starts_at,
    cast(null as integer) as sclk_start,
    cast(null as integer) as sclk_end,
    sqrt(power(easting_m - from_easting_m, 2) + power(northing_m - from_northing_m, 2)) as length_m,
    '{"type":"LineString","coordinates":[[' || cast(round(from_longitude, 7) as varchar) || ','
    || cast(round(from_latitude, 7) as varchar) || '],[' || cast(round(longitude, 7) as varchar) || ','
    || cast(round(latitude, 7) as varchar) || ']]}' as geometry
from steps
where from_site is not null
