{#
    What models read that no model makes. Each comes with the dependency on loaded_objects, which records what of bronze a build
    has seen: built before all that follows from bronze, it shows by one comparison whether silver and gold are current.
#}

{# A table of bronze. #}
{% macro bronze(table) -%}
    {%- do ref('loaded_objects') -%}
    {{ source('bronze', table) }}
{%- endmacro %}

{# The facts of a seed. #}
{% macro facts(seed) -%}
    {%- do ref('loaded_objects') -%}
    {{ ref(seed) }}
{%- endmacro %}
