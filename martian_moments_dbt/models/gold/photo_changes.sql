-- depends_on: {{ ref('fact_photos') }}
{{ config(materialized='view') }}

select
    photo_key,
    rover,
    sol,
    source,
    change,
    changed_at,
    appeared_at,
    history_since,
    object_key,
    fetched_at
from {{ ref('photo_versions') }}
