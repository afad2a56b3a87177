-- depends_on: {{ ref('loaded_objects') }}
with documents as (
    select * from {{ source('bronze', 'raw_manifests') }}
    where source = 'pds'
),

records as (
    {{ records(
        'documents',
        'volumes',
        keep={'rover': 'rover'},
        fields={
            'volume': 'volume',
            'url': 'url',
            'present': 'present',
            'rows': 'rows',
            'rows_stated': 'rows_stated',
            'rows_unread': 'rows_unread',
        },
    ) }}
),

renamed as (
    select
        rover,
        volume,
        url,
        present = 'true' as is_present,
        {{ to_integer('rows') }} as lines,
        {{ to_integer('rows_stated') }} as lines_stated,
        {{ to_integer('rows_unread') }} as lines_unread
    from records
)

select * from renamed
