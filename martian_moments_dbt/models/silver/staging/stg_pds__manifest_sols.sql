with documents as (
    select * from {{ bronze('raw_manifests') }}
    where source = 'pds'
),

records as (
    {{ records(
        'documents',
        'sols',
        keep={'rover': 'rover', 'source': 'source', 'fetched_at': 'fetched_at'},
        fields={'sol': 'sol', 'photos': 'photos'},
    ) }}
),

renamed as (
    select
        rover,
        source,
        fetched_at,
        max({{ to_sol('sol') }}) over (partition by rover) as max_sol,
        {{ to_sol('sol') }} as sol,
        {{ to_integer('photos') }} as photos_promised,
        cast(null as date) as earth_date
    from records
)

select * from renamed
