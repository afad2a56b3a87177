{#
    Legs that say neither their sol nor their ends (Curiosity's): both ends of each are found among the waypoints.

    * The end of a leg is a waypoint within 0.3 m, or none. Of several (the rover came back) the two ends are those that follow
      each other most closely in the order of the waypoints. The sol is that of the later one.
    * A MultiLineString holds many legs: it is split where it passes a waypoint within 0.05 m, which on the 214 real waypoints at hand
      is each of them but one. The length of a part is measured, because only that of the whole is published.
    * A leg that is drawn backwards is turned round; one that is reported twice counts once.
    * The order of driving is that of the waypoints (features 18 and 19 are swapped). A leg without a waypoint stays behind
      the leg that the file has before it.
#}
{% set reach_m = 0.3 %}
{% set pass_m = 0.05 %}

with legs as (
    select
        rover,
        position,
        length_m,
        geometry
    from {{ ref('stg_mmgis__legs') }}
    where from_rmc is null and to_rmc is null
    qualify row_number() over (partition by rover, geometry order by position) = 1
),

waypoints as (
    select
        rover,
        cast({{ matched('rmc', '^([0-9]{1,9})_[0-9]{1,9}$') }} as integer) as site,
        cast({{ matched('rmc', '^[0-9]{1,9}_([0-9]{1,9})$') }} as integer) as drive,
        sol,
        longitude,
        latitude,
        row_number() over (partition by rover order by sol, site, drive, position) as place
    from {{ ref('stg_mmgis__waypoints') }}
    where sol is not null and longitude is not null and latitude is not null
),

points as (
    {{ vertices('legs') }}
),

steps as (
    {{ integers(3) }}
),

-- A cell of the grid is 0.6 m high and at 18 degrees 0.56 m wide: what is in reach is in it or next to it.
cells as (
    select
        waypoints.*,
        floor(longitude * 100000) + across.n - 1 as cell_x,
        floor(latitude * 100000) + along.n - 1 as cell_y
    from waypoints
    cross join steps as across
    cross join steps as along
),

measured as (
    select
        points.rover,
        points.position,
        points.line,
        points.vertex,
        cells.place,
        {{ sphere_metres(
            'points.longitude', 'points.latitude', 'cells.longitude', 'cells.latitude'
        ) }} as metres
    from points
    inner join cells
        on
            points.rover = cells.rover
            and floor(points.longitude * 100000) = cells.cell_x
            and floor(points.latitude * 100000) = cells.cell_y
),

near as (
    select * from measured
    where metres <= {{ reach_m }}
),

lines as (
    select
        rover,
        position,
        line,
        max(vertex) as vertices,
        count(*) over (partition by rover, position) as lines
    from points
    group by rover, position, line
),

passed as (
    select
        near.rover,
        near.position,
        near.line,
        near.vertex
    from near
    inner join lines
        on near.rover = lines.rover and near.position = lines.position and near.line = lines.line
    where lines.lines > 1 and near.metres <= {{ pass_m }}
    qualify
        row_number() over (
            partition by near.rover, near.position, near.line, near.place
            order by near.metres, near.vertex
        ) = 1
),

cuts as (
    select
        rover,
        position,
        line,
        1 as vertex
    from lines
    union distinct
    select
        rover,
        position,
        line,
        vertices as vertex
    from lines
    union distinct
    select
        rover,
        position,
        line,
        vertex
    from passed
),

parts as (
    select
        rover,
        position,
        line,
        vertex as first_vertex,
        lead(vertex) over (partition by rover, position, line order by vertex) as last_vertex,
        count(*) over (partition by rover, position) as cuts
    from cuts
),

ends as (
    select
        parts.*,
        first_near.place as first_place,
        last_near.place as last_place
    from parts
    left join near as first_near
        on
            parts.rover = first_near.rover
            and parts.position = first_near.position
            and parts.line = first_near.line
            and parts.first_vertex = first_near.vertex
    left join near as last_near
        on
            parts.rover = last_near.rover
            and parts.position = last_near.position
            and parts.line = last_near.line
            and parts.last_vertex = last_near.vertex
    where parts.last_vertex is not null
    qualify
        row_number() over (
            partition by parts.rover, parts.position, parts.line, parts.first_vertex
            order by
                case when first_near.place = last_near.place then 1 else 0 end,
                abs(first_near.place - last_near.place),
                coalesce(first_near.metres, 0) + coalesce(last_near.metres, 0),
                first_near.place,
                last_near.place
        ) = 1
),

directed as (
    select
        rover,
        position,
        line,
        first_vertex,
        last_vertex,
        cuts,
        coalesce(first_place > last_place, false) as is_backward,
        case when first_place > last_place then last_place else first_place end as from_place,
        case when first_place > last_place then first_place else last_place end as to_place,
        coalesce(greatest(first_place, last_place), last_place, first_place) as driven_to,
        count(coalesce(last_place, first_place)) over (
            partition by rover order by position, line, first_vertex
            rows between unbounded preceding and current row
        ) as placed_before
    from ends
),

-- A leg without a waypoint is driven when the one before it was.
ordered as (
    select
        rover,
        position,
        line,
        first_vertex,
        max(driven_to) over (partition by rover, placed_before) as driven_to
    from directed
),

walked as (
    select
        *,
        lag(longitude) over (partition by rover, position, line order by vertex) as longitude_before,
        lag(latitude) over (partition by rover, position, line order by vertex) as latitude_before
    from points
),

stretches as (
    select
        directed.rover,
        directed.position,
        directed.line,
        directed.first_vertex,
        points.vertex,
        points.point,
        case when directed.is_backward then -points.vertex else points.vertex end as nth,
        case
            when points.vertex > directed.first_vertex
                then {{ sphere_metres(
                    'points.longitude_before', 'points.latitude_before', 'points.longitude', 'points.latitude'
                ) }}
            else 0
        end as metres
    from directed
    inner join walked as points
        on
            directed.rover = points.rover
            and directed.position = points.position
            and directed.line = points.line
            and points.vertex between directed.first_vertex and directed.last_vertex
),

shapes as (
    select
        rover,
        position,
        line,
        first_vertex,
        -- To the millimetre: sums of floats depend on the order of the rows.
        round(sum(metres), 3) as metres,
        {{ line_string('point', 'nth') }} as geometry
    from stretches
    group by rover, position, line, first_vertex
)

select
    directed.rover,
    row_number() over (
        partition by directed.rover
        order by ordered.driven_to nulls first, directed.position, directed.line, directed.first_vertex
    ) as leg,
    to_waypoint.sol,
    to_waypoint.sol as start_sol,
    case
        when to_waypoint.place is null then null
        when from_waypoint.place is null then 'last_waypoint'
        else 'waypoints'
    end as sol_method,
    from_waypoint.site as from_site,
    from_waypoint.drive as from_drive,
    to_waypoint.site as to_site,
    to_waypoint.drive as to_drive,
    coalesce(
        cast(directed.from_place as varchar),
        concat_ws('/', directed.position, directed.line, directed.first_vertex)
    ) as starts_at,
    cast(null as integer) as sclk_start,
    cast(null as integer) as sclk_end,
    coalesce(case when directed.cuts = 2 then legs.length_m end, shapes.metres) as length_m,
    case
        when directed.cuts = 2 and not directed.is_backward then legs.geometry
        else shapes.geometry
    end as geometry
from directed
inner join legs on directed.rover = legs.rover and directed.position = legs.position
inner join ordered
    on
        directed.rover = ordered.rover
        and directed.position = ordered.position
        and directed.line = ordered.line
        and directed.first_vertex = ordered.first_vertex
inner join shapes
    on
        directed.rover = shapes.rover
        and directed.position = shapes.position
        and directed.line = shapes.line
        and directed.first_vertex = shapes.first_vertex
left join waypoints as from_waypoint
    on directed.rover = from_waypoint.rover and directed.from_place = from_waypoint.place
left join waypoints as to_waypoint
    on directed.rover = to_waypoint.rover and directed.to_place = to_waypoint.place
