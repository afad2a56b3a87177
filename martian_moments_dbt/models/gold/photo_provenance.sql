{{ config(materialized='view') }}

select
    rover,
    product_identity,
    source,
    sol,
    records,
    is_chosen,
    sources,
    sols_apart
from {{ ref('picture_reports') }}
