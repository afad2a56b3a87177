{# Directions: azimuths in degrees clockwise from north (circled() brings them to 0 to 360), elevations above the horizon. #}

{# The degrees between two azimuths, 0 to 180, across north where that is nearer. #}
{% macro turn_between(one, other) -%}
    180 - abs(180 - mod(abs({{ one }} - {{ other }}), 360))
{%- endmacro %}

{# The degrees between two directions on the sphere: at the zenith all azimuths are one direction. #}
{% macro angle_between(azimuth_a, elevation_a, azimuth_b, elevation_b) -%}
    {%- set haversine %}
        power(sin(radians({{ elevation_b }} - {{ elevation_a }}) / 2), 2)
        + cos(radians({{ elevation_a }})) * cos(radians({{ elevation_b }}))
        * power(sin(radians({{ azimuth_b }} - {{ azimuth_a }}) / 2), 2)
    {%- endset %}
    round(degrees(2 * asin(sqrt(case when {{ haversine }} > 1 then 1 else {{ haversine }} end))), 4)
{%- endmacro %}

{# An aggregate: the mean direction as text, its cosines to the north, the east and up in hundredths. #}
{% macro mean_direction(azimuth, elevation) -%}
    concat_ws(
        '_',
        cast(cast(round(100 * avg(cos(radians({{ elevation }})) * cos(radians({{ azimuth }})))) as integer) as varchar),
        cast(cast(round(100 * avg(cos(radians({{ elevation }})) * sin(radians({{ azimuth }})))) as integer) as varchar),
        cast(cast(round(100 * avg(sin(radians({{ elevation }})))) as integer) as varchar)
    )
{%- endmacro %}
