{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='photo_key',
    on_schema_change='fail',
    pre_hook="{% if is_incremental() %}{{ forget_replaced_documents(this) }}{% endif %}",
) }}

with staged as (
    {%- for source in var('sources') %}
    select * from {{ ref('stg_' ~ source ~ '__photos') }}
    {%- if is_incremental() %}
    where {{ is_changed_document('object_key', this) }}
    {%- endif %}
    {{- ' union all' if not loop.last }}
    {%- endfor %}
),

-- Photos of other sols are set aside; of a photo that is told twice, the last telling stands.
kept as (
    select
        staged.*,
        concat_ws('|', staged.rover, staged.source, staged.source_id) as photo_key,
        {{ file_name('staged.image_url') }} as file_name
    from staged
    inner join {{ ref('photo_documents') }} as documents
        on staged.object_key = documents.object_key and staged.etag = documents.etag
    where
        documents.is_chosen
        and staged.sol = staged.document_sol
    qualify
        row_number() over (
            partition by photo_key
            order by staged.fetched_at desc, staged.object_key desc, staged.position desc
        ) = 1
),

named as (
    select
        photo_key,
        rover,
        sol,
        source,
        source_id,
        camera,
        camera_full_name,
        file_name,
        earth_date,
        image_url,
        object_key,
        etag,
        fetched_at,
        is_thumbnail,
        {{ product_identity('rover', 'file_name') }} as product_identity,
        coalesce(product_type, {{ product_type('rover', 'file_name') }}) as product_type,
        {%- set counter = motion_counter('rover', 'file_name') %}
        coalesce(site, {{ counter.site }}) as site,
        coalesce(drive, {{ counter.drive }}) as drive
    from kept
)

select
    photo_key,
    rover,
    sol,
    source,
    source_id,
    product_identity,
    coalesce(camera, 'UNKNOWN') as camera,
    camera_full_name,
    product_type,
    coalesce(is_thumbnail, {{ is_thumbnail('rover', 'file_name', 'product_type') }}) as is_thumbnail,
    earth_date,
    site,
    drive,
    regexp_replace(image_url, '^http:', 'https:') as image_url,
    object_key,
    etag,
    fetched_at
from named
