{# Positions on Mars and GeoJSON, on both warehouses. #}

{# Longitudes as degrees east, from 0 to below 360. #}
{% macro east_positive(longitude) -%}
    case when {{ longitude }} < 0 then {{ longitude }} + 360 else {{ longitude }} end
{%- endmacro %}

{# The angle between two directions from the centre of a sphere, in radians, by the haversine formula; they are in degrees. #}
{% macro central_angle(longitude_a, latitude_a, longitude_b, latitude_b) -%}
    {%- set haversine %}
        power(sin(radians({{ latitude_b }} - {{ latitude_a }}) / 2), 2)
        + cos(radians({{ latitude_a }})) * cos(radians({{ latitude_b }}))
        * power(sin(radians({{ longitude_b }} - {{ longitude_a }}) / 2), 2)
    {%- endset %}
    {#- Of points opposite each other rounding makes more than 1. least() would make 1 of null on DuckDB. #}
    2 * asin(sqrt(case when {{ haversine }} > 1 then 1 else {{ haversine }} end))
{%- endmacro %}

{#
    Metres between two points on the sphere of mars_radius_m: the published lengths of both missions' legs are measured on it
    (Curiosity's 1,272 agree within 3 cm but for three).
#}
{% macro sphere_metres(longitude_a, latitude_a, longitude_b, latitude_b) -%}
    {{ var('mars_radius_m') }} * {{ central_angle(longitude_a, latitude_a, longitude_b, latitude_b) }}
{%- endmacro %}

{#
    Metres that lie between two waypoints, whose columns have these prefixes: as far as the one is from the other, and at least
    what the rover drove in between, where both have an odometer (it may have come back).
#}
{% macro way_metres(one, other) -%}
    {%- set metres = sphere_metres(one ~ 'longitude', one ~ 'latitude', other ~ 'longitude', other ~ 'latitude') -%}
    {%- set driven = 'abs(' ~ other ~ 'distance_total_m - ' ~ one ~ 'distance_total_m)' -%}
    case when {{ driven }} > {{ metres }} then {{ driven }} else {{ metres }} end
{%- endmacro %}

{#
    The points of LineStrings and MultiLineStrings as rows (rover, position, line, vertex, longitude, latitude, point), line
    and vertex counted from 1. A geometry of another type, or none, has no rows, nor has a point that cannot be on a planet.
    legs has rover, position and geometry (text that is JSON).
#}
{% macro vertices(legs) -%}
    {{ return(adapter.dispatch('vertices')(legs)) }}
{%- endmacro %}

{% macro duckdb__vertices(legs) -%}
    select
        rover,
        position,
        line,
        vertex,
        point[1] as longitude,
        point[2] as latitude,
        list_transform(point, lambda number: case when isfinite(number) then number end) as point
    from (
        select
            * exclude (points),
            generate_subscripts(points, 1) as vertex,
            unnest(points) as point
        from (
            select
                * exclude (lines),
                generate_subscripts(lines, 1) as line,
                unnest(lines) as points
            from (
                select
                    rover,
                    position,
                    case geometry ->> '$.type'
                        when 'MultiLineString' then from_json(geometry -> '$.coordinates', '[[["DOUBLE"]]]')
                        when 'LineString' then [from_json(geometry -> '$.coordinates', '[["DOUBLE"]]')]
                    end as lines
                from {{ legs }}
            ) as shaped
        ) as lined
    ) as pointed
    where {{ bounded('point[1]', -360, 360) }} is not null and {{ bounded('point[2]', -90, 90) }} is not null
{%- endmacro %}

{% macro snowflake__vertices(legs) -%}
    select
        rover,
        position,
        lines.index + 1 as line,
        points.index + 1 as vertex,
        try_cast(points.value[0]::varchar as double) as longitude,
        try_cast(points.value[1]::varchar as double) as latitude,
        points.value as point
    from (
        select
            rover,
            position,
            case try_parse_json(geometry):type::varchar
                when 'MultiLineString' then try_parse_json(geometry):coordinates
                when 'LineString' then array_construct(try_parse_json(geometry):coordinates)
            end as shape
        from {{ legs }}
    ) as shaped,
        lateral flatten(input => shape) as lines,
        lateral flatten(input => lines.value) as points
    where
        {{ bounded('try_cast(points.value[0]::varchar as double)', -360, 360) }} is not null
        and {{ bounded('try_cast(points.value[1]::varchar as double)', -90, 90) }} is not null
{%- endmacro %}

{# An aggregate: the GeoJSON text of a LineString through points, in the order given. #}
{% macro line_string(point, order) -%}
    {{ return(adapter.dispatch('line_string')(point, order)) }}
{%- endmacro %}

{% macro duckdb__line_string(point, order) -%}
    '{"type":"LineString","coordinates":' || cast(to_json(list({{ point }} order by {{ order }})) as varchar) || '}'
{%- endmacro %}

{% macro snowflake__line_string(point, order) -%}
    '{"type":"LineString","coordinates":' || to_json(array_agg({{ point }}) within group (order by {{ order }})) || '}'
{%- endmacro %}

{# One field of an object that is text, as text; null where the text is no JSON. #}
{% macro text_field(object, path) -%}
    {{ return(adapter.dispatch('text_field')(object, path)) }}
{%- endmacro %}

{% macro duckdb__text_field(object, path) -%}
    ({{ object }} ->> '$.{{ path }}')
{%- endmacro %}

{% macro snowflake__text_field(object, path) -%}
    try_parse_json({{ object }}):{{ path }}::varchar
{%- endmacro %}
