{#
    What is kept sol by sol (models/silver/sols, with the column version): sols are looked at again of which something that
    decides their photos has changed (observed_sols), and no others.
#}
{% macro changed_sols() -%}
    select *
    from {{ ref('observed_sols') }}
    {%- if is_incremental() %}
    where (rover, sol, version) not in (select rover, sol, version from {{ this }})
    {%- endif %}
{%- endmacro %}

{# Rows of sols as they are no more. #}
{% macro forget_changed_sols(held) -%}
    delete from {{ held }}
    where (rover, sol, version) not in (select rover, sol, version from {{ ref('observed_sols') }})
{%- endmacro %}
