{# Directions: azimuths in degrees clockwise from north, elevations above the horizon. #}

{# An angle, of any number of turns, as 0 to below 360 degrees, in four digits. #}
{% macro circled(degrees) -%}
    round(mod(mod(round({{ degrees }} + 360, 4), 360) + 360, 360), 4)
{%- endmacro %}

{# The degrees between two azimuths, 0 to 180, across north where that is nearer. #}
{% macro turn_between(one, other) -%}
    180 - abs(180 - mod(abs({{ one }} - {{ other }}), 360))
{%- endmacro %}

{# The degrees between two directions on the sphere: at the zenith all azimuths are one direction. #}
{% macro angle_between(azimuth_a, elevation_a, azimuth_b, elevation_b) -%}
    round(degrees({{ central_angle(azimuth_a, elevation_a, azimuth_b, elevation_b) }}), 4)
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
