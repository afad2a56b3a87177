{# The place of an observation, and the joins to it and to its camera: observed has rover, sol, site and drive. #}
{% macro place_columns() -%}
    {%- for column in ('longitude', 'latitude', 'elevation_m', 'location_quality', 'location_uncertainty_m') %}
    positions.{{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro place_and_camera(observed) -%}
left join {{ ref('camera_names') }} as names
    on {{ observed }}.rover = names.rover and {{ observed }}.source_camera = names.name
left join {{ ref('photo_positions') }} as positions
    on
        {{ observed }}.rover = positions.rover
        and {{ observed }}.sol = positions.sol
        and {{ observed }}.site is not distinct from positions.site
        and {{ observed }}.drive is not distinct from positions.drive
{%- endmacro %}
