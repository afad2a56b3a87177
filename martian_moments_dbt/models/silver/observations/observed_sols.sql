{#
    What decides, for each rover and sol, which photos there are: the document that is selected, which of its photos count
    elsewhere, and the rules by which photos are read (warehouse/rules.py). Where it is the same as before, so are they.
#}
{{ config(materialized='view') }}

with hidden as (
    select
        object_key,
        md5({{ dbt.listagg('photo_key', "'|'", 'order by photo_key') }}) as photos
    from {{ ref('photos_reported_elsewhere') }}
    group by object_key
)

select
    documents.rover,
    documents.sol,
    documents.object_key,
    concat_ws(
        '|',
        documents.object_key,
        documents.etag,
        coalesce(hidden.photos, ''),
        '{{ env_var('MARS_DBT_PHOTO_RULES', '')[:8] }}'
    ) as version
from {{ ref('photo_documents') }} as documents
left join hidden on documents.object_key = hidden.object_key
where documents.is_chosen and documents.record_count > 0
