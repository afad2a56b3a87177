{# A view over what is kept by source. Its users look at pictures, whoever reports them. #}
{{ config(materialized='view') }}

{%- for source in var('sources') %}
select * from {{ ref(source ~ '_photos') }}
{{- ' union all' if not loop.last }}
{%- endfor %}
